"""One engine on many machines: the synthesizer as a Ray Serve deployment, and an ``Engine`` that asks it over HTTP.

    ClusterEngine (client.py) ──HTTP, wire.py──► Serve's proxy ──► replica.py around a Synthesizer, one a process

Only ``deployment.py`` and ``nodes.py`` know Ray; who asks needs none of it.
"""
