"""The WebUI's parts: the engine's HTTP routes and the operator's page. Knows HTTP and Gradio, knows no phonemes."""
