"""The page that colorizes where the photograph is: what it is made of, and its server."""
