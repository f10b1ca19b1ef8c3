{{/* Facts of the service of this chart, generated from packages/config: ports, and the variable of each setting. */}}
{{- define "carillon.service" -}}
{{- .Files.Get "files/service.json" -}}
{{- end }}

{{- define "carillon.name" -}}
{{- .Values.nameOverride | default (include "carillon.service" . | fromJson).service | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "carillon.fullname" -}}
{{- .Values.fullnameOverride | default (printf "%s-%s" .Release.Name (include "carillon.name" .)) | trunc 46 | trimSuffix "-" -}}
{{- end }}

{{- define "carillon.selectorLabels" -}}
app.kubernetes.io/name: carillon-{{ (include "carillon.service" . | fromJson).service }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "carillon.labels" -}}
{{ include "carillon.selectorLabels" . }}
app.kubernetes.io/component: {{ (include "carillon.service" . | fromJson).service }}
app.kubernetes.io/part-of: carillon
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "carillon.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "carillon.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{/* A digest stands above every tag. */}}
{{- define "carillon.image" -}}
{{- $shared := .Values.global.image -}}
{{- $name := .Values.image.repository -}}
{{- with $shared.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.Values.image.tag | default $shared.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{/* What every resource has: labels and annotations, then the patches of its kind. In: {root, document}. */}}
{{- define "carillon.resource" -}}
{{- $root := .root -}}
{{- $resource := fromYaml .document -}}
{{- if hasKey $resource "Error" }}{{ fail (printf "%s\n%s" $resource.Error .document) }}{{ end -}}
{{- if $resource -}}
{{- $metadata := $resource.metadata -}}
{{- $_ := set $metadata "namespace" $root.Release.Namespace -}}
{{- $_ := set $metadata "labels" (merge (default dict $metadata.labels) (include "carillon.labels" $root | fromYaml)) -}}
{{- if or $metadata.annotations $root.Values.commonAnnotations -}}
{{- $_ := set $metadata "annotations" (merge dict (default dict $metadata.annotations) $root.Values.commonAnnotations) -}}
{{- end -}}
{{- range $patch := $root.Values.patches -}}
{{- if and (eq $patch.kind $resource.kind) (or (not $patch.name) (eq $patch.name $metadata.name)) -}}
{{- $resource = mergeOverwrite $resource (deepCopy $patch.merge) -}}
{{- end -}}
{{- end -}}
{{- toYaml $resource -}}
{{- end -}}
{{- end }}

{{/* The resources that a list of templates makes, each a document of its own. In: {root, templates}. */}}
{{- define "carillon.resources" -}}
{{- range .templates }}
{{- with include "carillon.resource" (dict "root" $.root "document" (include . $.root)) }}
---
{{ . }}
{{- end }}
{{- end }}
{{- end }}
