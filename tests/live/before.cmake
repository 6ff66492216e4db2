# Added to the project of the build before (tests/run): many of its files at once compile in a fifth
# of the time. Alone stay those whose own names other files have, too.
set(CMAKE_UNITY_BUILD ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 12)
set_source_files_properties(
  reconciler/connections.cc reconciler/document.cc reconciler/image_manifest.cc reconciler/link.cc
  reconciler/pass.cc reconciler/platform_edge.cc reconciler/live/container_shell.cc
  reconciler/live/process_runner.cc reconciler/live/sql_client.cc providers/nginx/certificates.cc
  providers/nginx/diff.cc PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
