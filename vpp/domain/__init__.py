"""Values of the field: checked where they are made, frozen, without any library but numpy."""
