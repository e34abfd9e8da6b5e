"""`python -m lesionkit` is the command `lesionkit`."""

from lesionkit.cli.main import main

if __name__ == "__main__":
    main()
