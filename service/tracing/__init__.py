"""Spans of requests and jobs, sent to an OpenTelemetry collector where one is configured.

`stages` is all that the rest knows; only `otlp` imports OpenTelemetry, and only where there is an endpoint. Attributes
are numbers and words of our own: no image, label, id of a demonstration or key is ever among them.
"""
