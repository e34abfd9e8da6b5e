"""Networks of the two-stage systems: masks of lesions, and whether a cube of CT holds one."""
