"""How the networks came to be. Imports the engine; the engine never imports this package."""
