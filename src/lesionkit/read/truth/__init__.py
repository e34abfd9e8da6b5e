"""Tables and XML files that say what is true -> Lesion."""
