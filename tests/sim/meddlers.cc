#include "tests/sim/meddlers.h"

namespace fairlead::sim {
namespace {

constexpr std::chrono::seconds broken_for{5};

// Another text of the manifests of services that asks for nothing else of them.
void touch_services(Host& host) {
  for (const auto& [path, text] : service_manifests()) {
    const std::string now = host.world().file(path);
    if (!now.empty() && now == text) host.world().set_file(path, now + "deploy: {deadline: 61s}\n");
  }
}

void break_a_file(Host& host) {
  host.world().set_broken_file("zz-broken.yml", "not a regular file");
  host.world().after(broken_for, [&host] { host.world().remove_file("zz-broken.yml"); });
}

}  // namespace

const std::vector<Meddler>& meddlers() {
  static const std::vector<Meddler> all = {
      {"SIGHUP", [](Host& host) { host.world().platform_changed(host.platform()); }},
      {"an unrelated secret",
       [](Host& host) { host.world().set_secret("elsewhere", "of another app"); }},
      {"an unrelated certificate",
       [](Host& host) { host.world().set_certificate("elsewhere.example.org.crt", "no PEM"); }},
      {"a service's manifest", touch_services},
      {"an approval", [](Host& host) { host.world().command("approve"); }},
      {"a question for images", [](Host& host) { host.world().command("images"); }},
      {"a file that is broken for a while", break_a_file},
  };
  return all;
}

}  // namespace fairlead::sim
