"""One file per verb. Nothing heavy is imported before the verb that needs it runs."""
