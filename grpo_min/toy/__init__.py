"""The toy: arithmetic questions, chat, people's demonstrations."""
