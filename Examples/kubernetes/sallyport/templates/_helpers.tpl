{{- define "sallyport.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "sallyport.selector" -}}
app.kubernetes.io/name: sallyport
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sallyport.labels" -}}
{{ include "sallyport.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "sallyport.configuration" -}}
{{- $fixed := dict "public_url" .Values.publicURL "listen" "0.0.0.0:8080" "data_dir" "/var/lib/sallyport/data" "trusted_proxies" .Values.trustedProxies -}}
{{- range $key, $value := .Values.configuration }}
{{- if hasKey $fixed $key }}{{ fail (printf "configuration.%s is set by the chart" $key) }}{{ end }}
{{- end }}
{{- if and (or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled) (not .Values.configuration.storage) }}
{{- fail "replicas > 1 and autoscaling need configuration.storage: a Redis that all of them share" }}
{{- end }}
{{- toYaml (merge $fixed .Values.configuration) }}
{{- end }}
