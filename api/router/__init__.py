"""One address for every model of the fleet: OpenAI's and Ollama's APIs, a fair queue, explained choices."""
