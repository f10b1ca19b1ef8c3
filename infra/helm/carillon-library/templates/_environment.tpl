{{/*
Settings in force as JSON: own values above global ones. A value that neither gives is left to the service's own default.
In: {root, section}, section being settings or secrets.
*/}}
{{- define "carillon.given" -}}
{{- $known := (include "carillon.service" .root | fromJson).settings -}}
{{- $own := index .root.Values .section -}}
{{- $shared := index .root.Values.global .section -}}
{{- $given := dict -}}
{{- range $name, $_ := $known -}}
{{- if and (hasKey $own $name) (not (kindIs "invalid" (index $own $name))) -}}
{{- $_ := set $given $name (index $own $name) -}}
{{- else if and (hasKey $shared $name) (not (kindIs "invalid" (index $shared $name))) -}}
{{- $_ := set $given $name (index $shared $name) -}}
{{- end -}}
{{- end -}}
{{- toJson $given -}}
{{- end }}

{{/* The Secret with everything, that of the trial pair included; empty when there is none. */}}
{{- define "carillon.existingSecret" -}}
{{- if .Values.global.existingSecret -}}
{{- .Values.global.existingSecret -}}
{{- else if .Values.global.trial.enabled -}}
{{- printf "%s-trial" .Release.Name -}}
{{- end -}}
{{- end }}

{{/* Settings that come from Secrets, as JSON: {name: {name, key}}. What is required and given nowhere comes from the Secret with everything. */}}
{{- define "carillon.secrets" -}}
{{- $service := include "carillon.service" . | fromJson -}}
{{- $plain := include "carillon.given" (dict "root" . "section" "settings") | fromJson -}}
{{- $secrets := include "carillon.given" (dict "root" . "section" "secrets") | fromJson -}}
{{- $all := include "carillon.existingSecret" . -}}
{{- $otherKey := or (hasKey $plain "jwtPublicKey") (hasKey $plain "jwtJwksUrl") (hasKey $secrets "jwtPublicKey") (hasKey $secrets "jwtJwksUrl") (hasKey $plain "anonymous") (hasKey $secrets "anonymous") -}}
{{- range $name, $key := $service.fromExistingSecret -}}
{{- if and $all (not (hasKey $plain $name)) (not (hasKey $secrets $name)) (not (and (eq $name "jwtSecret") $otherKey)) -}}
{{- $_ := set $secrets $name (dict "name" $all "key" $key) -}}
{{- end -}}
{{- end -}}
{{- toJson $secrets -}}
{{- end }}

{{/* Folder in which the key of a Secret is mounted. */}}
{{- define "carillon.secretFolder" -}}
/etc/carillon/secrets/{{ kebabcase . }}
{{- end }}

{{/* Text of a value in an environment variable. Numbers come out of YAML as floats: 1000000 would be 1e+06. */}}
{{- define "carillon.text" -}}
{{- if kindIs "slice" . -}}
{{- join "," . -}}
{{- else if kindIs "map" . -}}
{{- toJson . -}}
{{- else if kindIs "float64" . -}}
{{- if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end }}

{{- define "carillon.environment" -}}
{{- $service := include "carillon.service" . | fromJson -}}
- name: CARILLON_SHUTDOWN_TIMEOUT_MS
  value: {{ mul 1000 (int64 .Values.termination.shutdownTimeoutSeconds) | quote }}
{{- if eq $service.service "gateway" }}
- name: CARILLON_GATEWAY_METRICS_PORT
  value: {{ int64 $service.metricsPort | quote }}
{{- if .Values.tls.existingSecret }}
- name: CARILLON_TLS_CERT_FILE
  value: /etc/carillon/tls/tls.crt
- name: CARILLON_TLS_KEY_FILE
  value: /etc/carillon/tls/tls.key
{{- end }}
{{- end }}
{{- include "carillon.storeEnvironment" . }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Settings, and the files of secrets and of TLS to Redis. */}}
{{- define "carillon.storeEnvironment" -}}
{{- $service := include "carillon.service" . | fromJson -}}
{{- $secrets := include "carillon.secrets" . | fromJson }}
{{- with .Values.global.redisTls }}
{{- if .existingSecret }}
{{- range $variable, $key := dict "CARILLON_REDIS_TLS_CA_FILE" .caKey "CARILLON_REDIS_TLS_CERT_FILE" .certKey "CARILLON_REDIS_TLS_KEY_FILE" .keyKey }}
{{- if $key }}
- name: {{ $variable }}
  value: /etc/carillon/redis-tls/{{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $value := include "carillon.given" (dict "root" . "section" "settings") | fromJson }}
{{- if not (hasKey $secrets $name) }}
- name: {{ (index $service.settings $name).variable }}
  value: {{ include "carillon.text" $value | quote }}
{{- end }}
{{- end }}
{{- range $name, $secret := $secrets }}
- name: {{ (index $service.settings $name).variable }}
  value: "@{{ include "carillon.secretFolder" $name }}/{{ $secret.key }}"
{{- end }}
{{- end }}

{{- define "carillon.mounts" -}}
- { name: tmp, mountPath: /tmp }
{{- range $name, $secret := include "carillon.secrets" . | fromJson }}
- { name: {{ printf "secret-%s" (kebabcase $name) }}, mountPath: {{ include "carillon.secretFolder" $name }}, readOnly: true }
{{- end }}
{{- if .Values.global.redisTls.existingSecret }}
- { name: redis-tls, mountPath: /etc/carillon/redis-tls, readOnly: true }
{{- end }}
{{- if and .Values.global.databaseTls.existingSecret (hasKey (include "carillon.service" . | fromJson).settings "databaseUrl") }}
- { name: database-tls, mountPath: /etc/carillon/database-tls, readOnly: true }
{{- end }}
{{- end }}

{{/* A Secret or a key of one that is missing keeps the pod from starting, and the event names it. */}}
{{- define "carillon.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- range $name, $secret := include "carillon.secrets" . | fromJson }}
- name: {{ printf "secret-%s" (kebabcase $name) }}
  secret: { secretName: {{ $secret.name | quote }}, defaultMode: 0440, items: [{ key: {{ $secret.key | quote }}, path: {{ $secret.key | quote }} }] }
{{- end }}
{{- with .Values.global.redisTls.existingSecret }}
- name: redis-tls
  secret: { secretName: {{ . | quote }}, defaultMode: 0440 }
{{- end }}
{{- if and .Values.global.databaseTls.existingSecret (hasKey (include "carillon.service" . | fromJson).settings "databaseUrl") }}
- name: database-tls
  secret: { secretName: {{ .Values.global.databaseTls.existingSecret | quote }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{/* Secret with the gateway's own certificate; empty for the other services. */}}
{{- define "carillon.tlsSecret" -}}
{{- with .Values.tls }}{{ .existingSecret }}{{ end -}}
{{- end }}
