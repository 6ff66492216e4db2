#include "reconciler/mount_roots.h"

#include <doctest/doctest.h>

using namespace fairlead;

// What an attacker found (class 5): roots that hold the key, secrets or the engine's socket.

namespace {

std::string refused(const std::string& root, const std::string& more = "") {
  const ParsedPlatform parsed =
      parse_platform("fairlead.yml", more + "mount_roots: [" + root + "]\n");
  if (parsed.errors.empty()) return "";
  CHECK(parsed.errors.size() == 1);
  CHECK(parsed.platform.mount_roots.empty());
  return parsed.errors[0].text();
}

}  // namespace

TEST_CASE("a root that is, holds or lies in what is fairlead's own is refused (class 5)") {
  const std::string folders =
      "folders: {manifests: /srv/f/manifests, secrets: /srv/f/secrets, state: /srv/f/state, "
      "mounted_secrets: /srv/f/run, edge: /srv/f/edge, certificates: /srv/f/certs}\n"
      "socket: /srv/control/fairlead.sock\nengine: {host: \"unix:///srv/engine/docker.sock\"}\n"
      "registries: {ghcr.io: {user: a, password_file: /srv/logins/ghcr}}\n";
  for (const char* own : {"manifests", "secrets", "state", "run", "edge", "certs"}) {
    CAPTURE(own);
    const std::string path = std::string("/srv/f/") + own;
    CHECK(refused(path, folders).find(path + " is fairlead's own") != std::string::npos);
    CHECK(refused(path + "/below", folders).find("lies in fairlead's own " + path) !=
          std::string::npos);
  }
  CHECK(refused("/srv", folders).find("/srv holds fairlead's own /srv/f/manifests") !=
        std::string::npos);
  CHECK(refused("/srv/f", folders) != "");
  CHECK(refused("/srv/control", folders) != "");
  CHECK(refused("/srv/engine", folders) != "");
  CHECK(refused("/srv/logins", folders) != "");
  CHECK(refused("/srv/first", folders) == "");
  CHECK(refused("/srv/f/certs2", folders) == "");
  CHECK(refused("/srv") == "");
}

TEST_CASE("a root of the system is refused, with its place and what to do (class 5)") {
  for (const char* root : {"/", "/proc", "/sys", "/dev", "/etc", "/etc/nginx", "/run", "/var/run",
                           "/run/docker", "/boot", "/root", "/usr", "/usr/share", "/bin", "/lib",
                           "/var/lib/docker/volumes", "/var", "/var/lib", "/var/lib/fairlead"}) {
    CAPTURE(root);
    CHECK(refused(root) != "");
  }
  CHECK(refused("/etc") ==
        "fairlead.yml:1:15: mount_roots[0]: /etc holds fairlead's own /etc/fairlead/manifests, "
        "which no container may mount: say a folder that holds nothing but data of apps, such as "
        "/srv/media");
  for (const char* root : {"/srv", "/home/me/films", "/mnt", "/data", "/opt/x", "/var/www"}) {
    CAPTURE(root);
    CHECK(refused(root) == "");
  }
}

TEST_CASE("the outermost root counts, as what lies between may be a container's to change") {
  Platform platform;
  platform.mount_roots = {"/srv/t/inner", "/srv/t", "/srv/tea"};
  CHECK(mount_root_of(platform, "/srv/t/inner/x") == "/srv/t");
  CHECK(mount_root_of(platform, "/srv/t") == "/srv/t");
  CHECK(mount_root_of(platform, "/srv/tea/x") == "/srv/tea");
  CHECK(mount_root_of(platform, "/srv/te") == "");
  CHECK(mount_root_of(platform, "/srv") == "");
}
