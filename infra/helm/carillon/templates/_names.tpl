{{- define "carillon-umbrella.labels" -}}
app.kubernetes.io/name: carillon
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: carillon
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Milliseconds of a duration as the services read it: a number, or text with a unit. */}}
{{- define "carillon-umbrella.milliseconds" -}}
{{- $text := . | toString -}}
{{- $unit := regexFind "(ms|s|m|h|d)$" $text -}}
{{- $number := trimSuffix $unit $text | float64 -}}
{{- $factor := index (dict "" 1 "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000) $unit -}}
{{- mulf $number $factor | int64 -}}
{{- end }}
