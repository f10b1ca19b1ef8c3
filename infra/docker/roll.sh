#!/bin/sh
# A new version, or new settings, without a gap: one service after the other, each ready before the next. Needs what `docker compose` needs.
#   infra/docker/roll.sh
set -eu
cd "$(dirname "$0")/../.."
docker compose build
docker compose run --rm --no-deps migrate
for service in persistence router-1 router-2 admin gateway-1 gateway-2; do
  docker compose up --detach --no-deps --wait "$service"
done
