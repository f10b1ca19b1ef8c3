{{- define "carillon.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "carillon.serviceAccountName" . }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end }}

{{- define "carillon.kubernetesService" -}}
{{- $service := include "carillon.service" . | fromJson }}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "carillon.fullname" . }}
  {{- with .Values.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .Values.service.type }}
  selector:
    {{- include "carillon.selectorLabels" . | nindent 4 }}
  ports:
    {{- if ne $service.port $service.metricsPort }}
    - name: http
      port: {{ int64 .Values.service.port }}
      targetPort: http
      appProtocol: {{ empty (include "carillon.tlsSecret" .) | ternary "kubernetes.io/ws" "kubernetes.io/wss" }}
    - name: metrics
      port: {{ int64 $service.metricsPort }}
      targetPort: metrics
    {{- else }}
    - name: metrics
      port: {{ int64 .Values.service.port }}
      targetPort: metrics
    {{- end }}
{{- end }}

{{- define "carillon.podDisruptionBudget" -}}
{{- with .Values.podDisruptionBudget }}
{{- if .enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "carillon.fullname" $ }}
spec:
  {{- if not (kindIs "invalid" .minAvailable) }}
  minAvailable: {{ include "carillon.text" .minAvailable }}
  {{- else }}
  maxUnavailable: {{ include "carillon.text" .maxUnavailable }}
  {{- end }}
  # A pod that is not ready serves nobody: it may go at any time, and a broken roll-out does not hold up the drain of a node.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "carillon.selectorLabels" $ | nindent 6 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "carillon.serviceMonitor" -}}
{{- with .Values.serviceMonitor }}
{{- if .enabled }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "carillon.fullname" $ }}
  labels:
    {{- toYaml .labels | nindent 4 }}
spec:
  jobLabel: app.kubernetes.io/name
  selector:
    matchLabels:
      {{- include "carillon.selectorLabels" $ | nindent 6 }}
  endpoints:
    - { port: metrics, path: /metrics, interval: {{ .interval }} }
{{- end }}
{{- end }}
{{- end }}
