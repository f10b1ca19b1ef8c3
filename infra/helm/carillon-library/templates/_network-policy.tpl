{{/* Peers of rules for ports: those given, else the default. In: {peers, ports}. */}}
{{- define "carillon.portRule" -}}
ports:
  {{- range .ports }}
  - { protocol: TCP, port: {{ int64 . }} }
  {{- end }}
{{- end }}

{{- define "carillon.networkPolicy" -}}
{{- $service := include "carillon.service" . | fromJson -}}
{{- $settings := $service.settings -}}
{{- with .Values.networkPolicy }}
{{- if .enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "carillon.fullname" $ }}
spec:
  podSelector:
    matchLabels:
      {{- include "carillon.selectorLabels" $ | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- if eq $service.service "gateway" }}
    - {{- include "carillon.portRule" (dict "ports" (list $service.port)) | nindent 6 }}
      {{- with .from }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
    # The metrics of admin are on the port of its API, which is for operators only.
    {{- $everyPod := list (dict "namespaceSelector" dict) -}}
    {{- $peers := .metricsFrom | default $everyPod -}}
    {{- if eq $service.service "admin" }}{{ $peers = concat (.from | default (list (dict "podSelector" dict))) .metricsFrom }}{{ end }}
    - {{- include "carillon.portRule" (dict "ports" (list $service.metricsPort)) | nindent 6 }}
      from:
        {{- toYaml $peers | nindent 8 }}
  egress:
    # Names are looked up.
    - ports:
        - { protocol: UDP, port: 53 }
        - { protocol: TCP, port: 53 }
    {{- $ports := .redisPorts -}}
    {{- if hasKey $settings "databaseUrl" }}{{ $ports = concat $ports .databasePorts }}{{ end }}
    {{- $ports = concat $ports .httpPorts }}
    - {{- include "carillon.portRule" (dict "ports" $ports) | nindent 6 }}
      {{- with .to }}
      to:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- with .extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}
{{- end }}
