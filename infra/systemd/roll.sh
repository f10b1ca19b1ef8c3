#!/bin/sh
# Starts the services of this host anew one after the other, each ready before the next: for a new version or new settings.
#   infra/systemd/roll.sh 8080 8090      the ports of the gateways
set -eu
wait_ready() {
  for _ in $(seq 120); do
    if curl -fsS -o /dev/null "http://127.0.0.1:$1/ready"; then return; fi
    sleep 1
  done 2>/dev/null
  echo "port $1 is not ready after 2 minutes: curl http://127.0.0.1:$1/ready says why" >&2
  exit 1
}
systemctl restart carillon-migrate.service
for entry in persistence:8083 router:8082 admin:8081; do
  systemctl is-enabled --quiet "carillon-${entry%:*}.service" || continue
  systemctl restart "carillon-${entry%:*}.service"
  wait_ready "${entry#*:}"
done
for port in "$@"; do
  systemctl restart "carillon-gateway@$port.service"
  wait_ready "$port"
done
