#!/bin/sh
# One Spark executor in a pod of its own: what the entry point of Spark's own images does. PySpark brings the jars and
# no entry point. The driver sets the variables and appends `executor`.
set -eu
home=$(python -c 'import pyspark, os; print(os.path.dirname(pyspark.__file__))')
env | sed -n 's/^SPARK_JAVA_OPT_[0-9]*=//p' >/tmp/java-options
set --
while IFS= read -r option; do set -- "$@" "$option"; done </tmp/java-options
exec java "$@" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "${SPARK_CONF_DIR:-}:$home/jars/*" \
    org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
    --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
    --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \
    --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
