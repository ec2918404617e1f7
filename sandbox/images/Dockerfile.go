# Go with testify, and the Python that the agent needs.
FROM debian:trixie-slim
ARG PACKAGES="python3 golang-go golang-github-stretchr-testify-dev"
RUN apt-get update \
 && apt-get install -y --no-install-recommends $PACKAGES \
 && rm -rf /var/lib/apt/lists/*
ENV LANG=C.UTF-8
