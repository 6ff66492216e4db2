#include <doctest/doctest.h>

#include "tests/sim/host.h"

// Whose an app's volume is before anything of the app runs.
namespace fairlead::sim {
namespace {

using std::chrono::minutes;

SimImage users_image() {
  SimImage made = image("owned:1");
  made.files["/etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34:www:/:/bin/false\n";
  made.folders["/data"] = {7, 7, 0750};
  return made;
}

// Who has the volume in the end: "1000:1000 750".
std::string owner_of(Host& host, const std::string& more) {
  host.engine().add_image(users_image());
  host.world().set_file("web.yml", "name: web\nimage: owned:1\n" + more);
  host.run(minutes(2));
  CHECK(host.all_well());
  CHECK(host.violations().empty());
  const FolderEntry& folder = host.engine().volumes().at("web.data").folder;
  char mode[8];
  std::snprintf(mode, sizeof mode, "%o", folder.mode);
  return std::to_string(folder.user) + ":" + std::to_string(folder.group) + " " + mode;
}

std::string first_owner(const std::string& more) {
  Host host;
  return owner_of(host, more);
}

TEST_CASE("the volume is whose the manifest says before the first start, and keeps its mode") {
  CHECK(first_owner("needs: [{storage: {owner: \"1000:2000\"}}]\n") == "1000:2000 750");
  CHECK(first_owner("needs: [{storage: {owner: 1000}}]\n") == "1000:7 750");
  CHECK(first_owner("needs: [storage]\nuser: www-data\n") == "33:34 750");
  CHECK(first_owner("needs: [storage]\nuser: \"1000\"\nsecurity: strict\n") == "1000:7 750");
  CHECK(first_owner("needs: [storage]\n") == "7:7 750");
  CHECK(first_owner("needs: [storage]\nuser: root\n") == "7:7 750");
}

TEST_CASE("an owner that is said later is set when the container is replaced for it") {
  Host host;
  CHECK(owner_of(host, "needs: [storage]\n") == "7:7 750");
  CHECK(owner_of(host, "needs: [{storage: {owner: \"1000:1000\"}}]\n") == "1000:1000 750");
  for (const auto& [id, container] : host.engine().containers()) {
    CHECK(container.name.find(".storage.") == container.name.npos);
  }
}

TEST_CASE("a user that the image does not know is warned of, and holds up nothing") {
  Host host;
  CHECK(owner_of(host, "needs: [storage]\nuser: nobody\n") == "7:7 750");
  bool told = false;
  for (const LogRecord& record : host.world().log()) {
    told |= record.verb == "warning" &&
            record.cause.find("/etc/passwd has no user nobody") != record.cause.npos;
  }
  CHECK(told);
}

}  // namespace
}  // namespace fairlead::sim
