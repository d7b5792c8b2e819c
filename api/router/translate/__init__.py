"""Requests and answers between OpenAI's dialect and Ollama's: pure functions from JSON to JSON."""
