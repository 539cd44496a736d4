"""Functions as a site would write them, for the tests of Python assistants."""
