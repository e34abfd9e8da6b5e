"""The one error a caller may want to catch apart from a bug."""


class LesionkitError(Exception):
    """Input or settings cannot be used as they are.

    The message is one clear sentence for a person: what must hold, what came, what to do. The command line prints it
    and exits with code 2. Anything else that is raised is a bug and shows its trace.
    """
