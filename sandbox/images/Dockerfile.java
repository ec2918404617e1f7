# Java, and the Python that the agent needs.
FROM debian:trixie-slim
ARG PACKAGES="python3 openjdk-21-jdk-headless"
# Java's packages want the folder of manual pages, which slim images have not got.
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends $PACKAGES \
 && rm -rf /var/lib/apt/lists/*
ENV LANG=C.UTF-8
