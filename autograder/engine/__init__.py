"""Two processes: student code runs in a sandbox, tests run outside it, and only values pass between them."""
