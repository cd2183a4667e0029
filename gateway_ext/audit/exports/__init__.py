"""Signed exports: records of the trail as a table, with all that a third party needs to check them without the gateway."""
