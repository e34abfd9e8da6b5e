"""What lies in `work` is for the processes that tests of engines begin, and holds no tests."""

collect_ignore = ["work"]
