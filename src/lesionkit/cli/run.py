"""`lesionkit run`: every stage in order."""

from lesionkit.cli.options import Address, Assign, Config, Data, Engine, Out, RecipeName, WithIdentifiers, Workers


def command(
    recipe: RecipeName,
    data: Data,
    out: Out = None,
    workers: Workers = None,
    engine: Engine = None,
    address: Address = None,
    with_identifiers: WithIdentifiers = False,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Run every stage of a recipe on a data set, in order.

    Stages that are finished are skipped: the same command with the same --out resumes.

    Examples:
      lesionkit run ct-nodule DATA --out runs/first
      lesionkit run ct-nodule DATA --out runs/short --set learn.steps=300
      lesionkit run xray-pneumothorax DATA --out runs/xray --set learn.minutes=20
      lesionkit run slide-metastasis DATA --out runs/slides --set labelled=PATCHES
    """
    from lesionkit.cli.conclusion import conclude
    from lesionkit.cli.options import assignments, on_engine
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.run_folder import open_run
    from lesionkit.runs.settings_file import resolve

    chosen = load_recipe(recipe)
    settings = resolve(chosen.settings(), config or (), assignments(assign, **on_engine(engine, address, workers)))
    with open_run(out, chosen.name, settings, {"data": data}) as run:
        run.with_identifiers = with_identifiers
        summary = chosen.run(run, data, settings)
    conclude(f"run {chosen.name}", summary, run.path)
