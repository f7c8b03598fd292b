"""What costs time or memory, measured; each module is a program."""
