"""`python -m lesionkit` is the same as `lesionkit`."""

from lesionkit.cli.main import main

if __name__ == "__main__":
    main()
