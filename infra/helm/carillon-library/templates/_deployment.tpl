{{- define "carillon.podMetadata" -}}
labels:
  {{- include "carillon.selectorLabels" . | nindent 2 }}
  app.kubernetes.io/part-of: carillon
  {{- with merge dict .Values.podLabels .Values.global.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What pods of Deployment, Job and test have in common. */}}
{{- define "carillon.podSecurity" -}}
automountServiceAccountToken: false
# A variable for each Service of the namespace is of no use here.
enableServiceLinks: false
{{- with .Values.global.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end }}

{{- define "carillon.probe" -}}
httpGet: { path: {{ .path }}, port: metrics }
periodSeconds: {{ int64 .root.Values.probes.periodSeconds }}
timeoutSeconds: {{ int64 .root.Values.probes.timeoutSeconds }}
failureThreshold: {{ int64 .failures }}
{{- end }}

{{- define "carillon.ports" -}}
{{- $service := include "carillon.service" . | fromJson -}}
{{- if ne $service.port $service.metricsPort }}
- { name: http, containerPort: {{ int64 $service.port }} }
{{- end }}
- { name: metrics, containerPort: {{ int64 $service.metricsPort }} }
{{- end }}

{{- define "carillon.container" -}}
{{- $startupFailures := div (add (int64 .Values.probes.startupSeconds) (sub (int64 .Values.probes.periodSeconds) 1)) (int64 .Values.probes.periodSeconds) -}}
name: {{ (include "carillon.service" . | fromJson).service }}
image: {{ include "carillon.image" . | quote }}
imagePullPolicy: {{ .Values.global.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
ports:
  {{- include "carillon.ports" . | trim | nindent 2 }}
env:
  {{- include "carillon.environment" . | nindent 2 }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
startupProbe:
  {{- include "carillon.probe" (dict "root" . "path" "/health" "failures" $startupFailures) | nindent 2 }}
livenessProbe:
  {{- include "carillon.probe" (dict "root" . "path" "/health" "failures" .Values.probes.livenessFailures) | nindent 2 }}
readinessProbe:
  {{- include "carillon.probe" (dict "root" . "path" "/ready" "failures" .Values.probes.readinessFailures) | nindent 2 }}
{{- if .Values.termination.preStopSeconds }}
lifecycle:
  # The pod is out of the endpoints from now on; SIGTERM, and with it the drain, comes when load balancers know.
  preStop: { sleep: { seconds: {{ int64 .Values.termination.preStopSeconds }} } }
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  {{- include "carillon.mounts" . | nindent 2 }}
  {{- if include "carillon.tlsSecret" . }}
  - { name: tls, mountPath: /etc/carillon/tls, readOnly: true }
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "carillon.spread" -}}
{{- if .Values.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range .Values.topologySpread.topologyKeys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $.Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "carillon.selectorLabels" $ | nindent 8 }}
    # Pods of the version that goes do not count.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end }}

{{- define "carillon.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "carillon.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "carillon.fullname" . }}
spec:
  {{- if not (or .Values.autoscaling.hpa.enabled .Values.autoscaling.keda.enabled) }}
  replicas: {{ int64 .Values.replicas }}
  {{- end }}
  revisionHistoryLimit: {{ int64 .Values.rollout.revisionHistoryLimit }}
  minReadySeconds: {{ int64 .Values.rollout.minReadySeconds }}
  progressDeadlineSeconds: {{ include "carillon.progressSeconds" . }}
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxUnavailable: 0, maxSurge: {{ include "carillon.text" .Values.rollout.maxSurge }} }
  selector:
    matchLabels:
      {{- include "carillon.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      {{- include "carillon.podMetadata" . | nindent 6 }}
    spec:
      serviceAccountName: {{ include "carillon.serviceAccountName" . }}
      {{- include "carillon.podSecurity" . | nindent 6 }}
      terminationGracePeriodSeconds: {{ include "carillon.graceSeconds" . }}
      {{- with .Values.initContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        -
          {{- include "carillon.container" . | nindent 10 }}
        {{- with .Values.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
        {{- include "carillon.volumes" . | nindent 8 }}
        {{- if include "carillon.tlsSecret" . }}
        - name: tls
          secret: { secretName: {{ .Values.tls.existingSecret | quote }}, defaultMode: 0440 }
        {{- end }}
        {{- with .Values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- include "carillon.spread" . | nindent 6 }}
      {{- include "carillon.placement" . | nindent 6 }}
{{- end }}
