{{/* Connections of a gateway at which another one is added. */}}
{{- define "carillon.connectionsTarget" -}}
{{- div (mul (include "carillon.maxConnections" . | int64) (int64 .Values.autoscaling.connectionsPercent)) 100 -}}
{{- end }}

{{- define "carillon.scaleBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  policies: [{ type: Percent, value: 100, periodSeconds: 60 }]
# Every pod that goes sends its clients elsewhere: slowly, and one at a time.
scaleDown:
  stabilizationWindowSeconds: {{ int64 .Values.autoscaling.scaleDownStabilizationSeconds }}
  policies: [{ type: Pods, value: 1, periodSeconds: {{ int64 .Values.autoscaling.scaleDownPeriodSeconds }} }]
{{- end }}

{{- define "carillon.horizontalPodAutoscaler" -}}
{{- with .Values.autoscaling }}
{{- if .hpa.enabled }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "carillon.fullname" $ }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ include "carillon.fullname" $ }} }
  minReplicas: {{ int64 .minReplicas }}
  maxReplicas: {{ int64 .maxReplicas }}
  metrics:
    {{- if eq (include "carillon.service" $ | fromJson).service "gateway" }}
    - type: Pods
      pods:
        metric: { name: carillon_connections }
        target: { type: AverageValue, averageValue: {{ include "carillon.connectionsTarget" $ | quote }} }
    {{- end }}
    - type: Pods
      pods:
        metric:
          name: carillon_process_event_loop_delay_seconds
          selector: { matchLabels: { quantile: p99 } }
        target: { type: AverageValue, averageValue: "{{ int64 .eventLoopDelayMs }}m" }
    {{- with .extraMetrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  behavior:
    {{- include "carillon.scaleBehavior" $ | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "carillon.pods" -}}
namespace="{{ .Release.Namespace }}",pod=~"{{ include "carillon.fullname" . }}-.+"
{{- end }}

{{/* In: {root, query, threshold}. */}}
{{- define "carillon.prometheusTrigger" -}}
- type: prometheus
  metadata:
    serverAddress: {{ .root.Values.autoscaling.keda.serverAddress | quote }}
    query: {{ .query | quote }}
    threshold: {{ .threshold | quote }}
    # Without an answer nothing is scaled.
    ignoreNullValues: "false"
  metricType: {{ .metricType }}
  {{- with .root.Values.autoscaling.keda.authenticationRef }}
  authenticationRef: { name: {{ . }} }
  {{- end }}
{{- end }}

{{- define "carillon.scaledObject" -}}
{{- with .Values.autoscaling }}
{{- if .keda.enabled }}
{{- $pods := include "carillon.pods" $ }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ include "carillon.fullname" $ }}
spec:
  scaleTargetRef: { name: {{ include "carillon.fullname" $ }} }
  pollingInterval: {{ int64 .keda.pollingIntervalSeconds }}
  minReplicaCount: {{ int64 .minReplicas }}
  maxReplicaCount: {{ int64 .maxReplicas }}
  triggers:
    {{- if eq (include "carillon.service" $ | fromJson).service "gateway" }}
    {{- $query := printf "sum(carillon_connections{%s})" $pods }}
    {{- include "carillon.prometheusTrigger" (dict "root" $ "query" $query "threshold" (include "carillon.connectionsTarget" $) "metricType" "AverageValue") | nindent 4 }}
    {{- end }}
    {{- $query := printf "1000 * avg(carillon_process_event_loop_delay_seconds{quantile=\"p99\",%s})" $pods }}
    {{- include "carillon.prometheusTrigger" (dict "root" $ "query" $query "threshold" (int64 .eventLoopDelayMs | toString) "metricType" "Value") | nindent 4 }}
    {{- with .extraMetrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- include "carillon.scaleBehavior" $ | nindent 8 }}
{{- end }}
{{- end }}
{{- end }}
