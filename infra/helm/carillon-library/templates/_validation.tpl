{{/* Values that contradict each other: every template would render, and the installation would not do what it should. */}}
{{- define "carillon.validate" -}}
{{- $faults := list -}}
{{- $faults = concat $faults (include "carillon.secretFaults" . | fromJsonArray) -}}
{{- $faults = concat $faults (include "carillon.timingFaults" . | fromJsonArray) -}}
{{- $faults = concat $faults (include "carillon.scalingFaults" . | fromJsonArray) -}}
{{- $faults = concat $faults (include "carillon.extraFaults" . | fromJsonArray) -}}
{{- if $faults -}}
{{- fail (printf "\n\ncarillon-%s:\n- %s\n" (include "carillon.service" . | fromJson).service (join "\n- " $faults)) -}}
{{- end -}}
{{- end }}

{{- define "carillon.secretFaults" -}}
{{- $faults := list -}}
{{- $service := include "carillon.service" . | fromJson -}}
{{- $plain := include "carillon.given" (dict "root" . "section" "settings") | fromJson -}}
{{- $own := include "carillon.given" (dict "root" . "section" "secrets") | fromJson -}}
{{- $secrets := include "carillon.secrets" . | fromJson -}}
{{- range $name, $_ := $own -}}
{{- if hasKey $plain $name -}}
{{- $faults = append $faults (printf "settings.%s and secrets.%s give the same setting, %s: remove one" $name $name (index $service.settings $name).variable) -}}
{{- end -}}
{{- end -}}
{{- range $name, $key := $service.fromExistingSecret -}}
{{- if not (or (hasKey $plain $name) (hasKey $secrets $name) (eq $name "jwtSecret")) -}}
{{- $faults = append $faults (printf "%s is missing: set global.existingSecret to a Secret with the key %s, or global.secrets.%s to {name, key}" (index $service.settings $name).variable $key $name) -}}
{{- end -}}
{{- end -}}
{{- if eq $service.service "gateway" -}}
{{- if not (or (hasKey $secrets "jwtSecret") (hasKey $secrets "jwtPublicKey") (hasKey $plain "jwtPublicKey") (hasKey $secrets "jwtJwksUrl") (hasKey $plain "jwtJwksUrl") (hasKey $plain "anonymous") (hasKey $secrets "anonymous")) -}}
{{- $faults = append $faults "no token can be verified: set global.existingSecret to a Secret with the key jwt-secret, or settings.jwtJwksUrl, or settings.jwtPublicKey, or settings.anonymous" -}}
{{- end -}}
{{- end -}}
{{- range $name := list "redisUrl" "databaseUrl" -}}
{{- if regexMatch "^[a-z+]+://[^/@]*:[^/@]+@" (index $plain $name | default "" | toString) -}}
{{- $faults = append $faults (printf "settings.%s has a password, which would stand in the Deployment for everybody to read: put the URL into a Secret and set secrets.%s or global.existingSecret" $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.global.redisTls.existingSecret (ne (empty .Values.global.redisTls.certKey) (empty .Values.global.redisTls.keyKey)) -}}
{{- $faults = append $faults "global.redisTls.certKey and global.redisTls.keyKey go together: give both or neither" -}}
{{- end -}}
{{- toJson $faults -}}
{{- end }}

{{- define "carillon.timingFaults" -}}
{{- $faults := list -}}
{{- $least := include "carillon.leastGraceSeconds" . | int64 -}}
{{- $stop := include "carillon.clientsStopSeconds" . | int64 -}}
{{- with .Values.termination -}}
{{- if and (eq (include "carillon.service" $ | fromJson).service "gateway") (lt (int64 .shutdownTimeoutSeconds) $stop) -}}
{{- $faults = append $faults (printf "termination.shutdownTimeoutSeconds (%d) is shorter than the %d s that a gateway may take to answer what it has taken and to send its clients away: publishes would be cut off. Set it to %d or more" (int64 .shutdownTimeoutSeconds) $stop $stop) -}}
{{- end -}}
{{- if and .gracePeriodSeconds (lt (int64 .gracePeriodSeconds) $least) -}}
{{- $faults = append $faults (printf "termination.gracePeriodSeconds (%d) is shorter than preStopSeconds (%d) + shutdownTimeoutSeconds (%d) + 5 = %d: Kubernetes would kill pods while they drain. Leave it out, or set it to %d or more" (int64 .gracePeriodSeconds) (int64 .preStopSeconds) (int64 .shutdownTimeoutSeconds) $least $least) -}}
{{- end -}}
{{- end -}}
{{- $progress := include "carillon.leastProgressSeconds" . | int64 -}}
{{- with .Values.rollout.progressDeadlineSeconds -}}
{{- if lt (int64 .) $progress -}}
{{- $faults = append $faults (printf "rollout.progressDeadlineSeconds (%d) is shorter than one replacement may take: grace period + probes.startupSeconds + rollout.minReadySeconds = %d. A roll-out that goes well would be reported as failed. Leave it out, or set it to %d or more" (int64 .) $progress $progress) -}}
{{- end -}}
{{- end -}}
{{- if gt (int64 .Values.probes.timeoutSeconds) (int64 .Values.probes.periodSeconds) -}}
{{- $faults = append $faults (printf "probes.timeoutSeconds (%d) is longer than probes.periodSeconds (%d)" (int64 .Values.probes.timeoutSeconds) (int64 .Values.probes.periodSeconds)) -}}
{{- end -}}
{{- toJson $faults -}}
{{- end }}

{{- define "carillon.scalingFaults" -}}
{{- $faults := list -}}
{{- $pods := int64 .Values.replicas -}}
{{- with .Values.autoscaling -}}
{{- if or .hpa.enabled .keda.enabled -}}{{- $pods = int64 .minReplicas -}}{{- end -}}
{{- if and .hpa.enabled .keda.enabled -}}
{{- $faults = append $faults "autoscaling.hpa.enabled and autoscaling.keda.enabled exclude each other: KEDA makes a HorizontalPodAutoscaler of its own, and the two would work against each other" -}}
{{- end -}}
{{- if and .keda.enabled (not .keda.serverAddress) -}}
{{- $faults = append $faults "autoscaling.keda.serverAddress is missing: KEDA asks Prometheus for the load" -}}
{{- end -}}
{{- if gt (int64 .minReplicas) (int64 .maxReplicas) -}}
{{- $faults = append $faults (printf "autoscaling.minReplicas (%d) is more than autoscaling.maxReplicas (%d)" (int64 .minReplicas) (int64 .maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.podDisruptionBudget -}}
{{- if .enabled -}}
{{- if and (not (kindIs "invalid" .minAvailable)) (not (kindIs "string" .minAvailable)) (ge (int64 .minAvailable) $pods) -}}
{{- $faults = append $faults (printf "podDisruptionBudget.minAvailable (%d) is not below the number of pods (%d): no pod could ever be evicted, and the drain of a node would hang" (int64 .minAvailable) $pods) -}}
{{- end -}}
{{- if and (kindIs "invalid" .minAvailable) (has (.maxUnavailable | toString) (list "0" "0%" "<nil>")) -}}
{{- $faults = append $faults "podDisruptionBudget.maxUnavailable is 0 or missing: no pod could ever be evicted, and the drain of a node would hang" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end }}

{{- define "carillon.extraFaults" -}}
{{- $faults := list -}}
{{- $service := include "carillon.service" . | fromJson -}}
{{- $names := dict -}}
{{- range $name, $setting := $service.settings -}}{{- $_ := set $names $setting.variable $name -}}{{- end -}}
{{- range .Values.extraEnv -}}
{{- if hasKey $names .name -}}
{{- $faults = append $faults (printf "extraEnv has %s, which is a setting: use settings.%s or secrets.%s" .name (index $names .name) (index $names .name)) -}}
{{- else if hasPrefix "CARILLON_" .name -}}
{{- $faults = append $faults (printf "extraEnv has %s, which carillon-%s does not know or the chart sets itself" .name $service.service) -}}
{{- end -}}
{{- end -}}
{{- with .Values.ingress -}}
{{- if and .enabled (not .hosts) -}}
{{- $faults = append $faults "ingress.enabled needs ingress.hosts" -}}
{{- end -}}
{{- end -}}
{{- with .Values.httpRoute -}}
{{- if and .enabled (not .parentRefs) -}}
{{- $faults = append $faults "httpRoute.enabled needs httpRoute.parentRefs: the Gateways that take the route" -}}
{{- end -}}
{{- end -}}
{{- with .Values.migration -}}
{{- if and .enabled .hook $.Values.global.trial.enabled -}}
{{- $faults = append $faults "migration.hook runs before everything else, so before the Postgres of global.trial is there: leave migration.hook false" -}}
{{- end -}}
{{- end -}}
{{- $kinds := list "Deployment" "Service" "ServiceAccount" "PodDisruptionBudget" "NetworkPolicy" "HorizontalPodAutoscaler" "ScaledObject" "ServiceMonitor" "Ingress" "HTTPRoute" "Job" "Pod" "ConfigMap" -}}
{{- range .Values.patches -}}
{{- if not (has .kind $kinds) -}}
{{- $faults = append $faults (printf "patches has kind %s, of which the chart makes none; it makes %s" .kind (join ", " $kinds)) -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end }}

{{/* One document per resource that every service has. */}}
{{- define "carillon.everything" -}}
{{- include "carillon.validate" . -}}
{{- include "carillon.resources" (dict "root" . "templates" (list "carillon.serviceAccount" "carillon.kubernetesService" "carillon.deployment" "carillon.podDisruptionBudget" "carillon.networkPolicy" "carillon.horizontalPodAutoscaler" "carillon.scaledObject" "carillon.serviceMonitor")) -}}
{{- range .Values.extraManifests }}
---
{{ toYaml . }}
{{- end }}
{{- end }}
