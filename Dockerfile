# The image of `serve` and of every other command. Nothing is installed at its start, nothing runs as root, and nothing
# is written but below /var/lib/slotbridge: run it with a read-only root.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# Without what is optional: Node and PostgreSQL from npm are a laptop's. The image has the one, and is given the other.
RUN npm ci --omit=optional --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4010 SLOTBRIDGE_DATA_DIR=/var/lib/slotbridge
# npm is for building; a server has no use for it.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /opt/yarn* \
  && install -d -o node -g node -m 0700 /var/lib/slotbridge
WORKDIR /app
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE ./
COPY migrations migrations
# By number, so that an orchestrator can see that it is not root.
USER 1000:1000
VOLUME /var/lib/slotbridge
EXPOSE 4010
# Node itself is the process that is told to stop: serve drains on SIGTERM.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "dist/main.js"]
CMD ["serve"]
