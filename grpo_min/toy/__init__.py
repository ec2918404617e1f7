"""The toy world: arithmetic questions, chat, people's demonstrations."""
