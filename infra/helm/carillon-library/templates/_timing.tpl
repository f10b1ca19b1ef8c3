{{/*
How long a stop takes, in seconds. A gateway answers what it has taken, sends its clients away, and waits for them: clientsStopSeconds is
what apps/gateway/src/gateway.ts allows for that. Clients come back spread over reconnectSpreadSeconds (session/connections.ts).
A test compares both with the sources.
*/}}
{{- define "carillon.clientsStopSeconds" -}}13{{- end }}
{{- define "carillon.reconnectSpreadSeconds" -}}2{{- end }}
{{/* Between the service's own deadline and SIGKILL. */}}
{{- define "carillon.marginSeconds" -}}5{{- end }}

{{- define "carillon.leastGraceSeconds" -}}
{{- with .Values.termination -}}
{{- add (int64 .preStopSeconds) (int64 .shutdownTimeoutSeconds) (include "carillon.marginSeconds" $ | int64) -}}
{{- end -}}
{{- end }}

{{- define "carillon.graceSeconds" -}}
{{- int64 (.Values.termination.gracePeriodSeconds | default (include "carillon.leastGraceSeconds" .)) -}}
{{- end }}

{{/* A replacement that has to wait for the place of the pod that goes: its grace period, then start and minReadySeconds. */}}
{{- define "carillon.leastProgressSeconds" -}}
{{- add (int64 .Values.probes.startupSeconds) (int64 .Values.rollout.minReadySeconds) (include "carillon.graceSeconds" . | int64) -}}
{{- end }}

{{- define "carillon.progressSeconds" -}}
{{- int64 (.Values.rollout.progressDeadlineSeconds | default (max 600 (include "carillon.leastProgressSeconds" . | int64))) -}}
{{- end }}

{{- define "carillon.maxConnections" -}}
{{- $given := include "carillon.given" (dict "root" . "section" "settings") | fromJson -}}
{{- int64 ($given.maxConnections | default 5000) -}}
{{- end }}
