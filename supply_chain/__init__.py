"""What the project is made of: the locked packages, known vulnerabilities of them, and the bill of materials of the serving image."""
