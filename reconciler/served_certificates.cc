#include "reconciler/served_certificates.h"

#include <utility>

#include "reconciler/json.h"

namespace fairlead {

void ServedCertificates::restore(const std::string& app, std::string_view text) {
  const Result<Json> saved = Json::parse(text);
  if (!saved) return;
  for (const auto& [host, held] : (*saved)["hosts"].members()) {
    apps_[app][host] = {held["source"].as_string(), Secret(held["pem"].as_string())};
  }
}

void ServedCertificates::set(const std::string& app, const Hosts& hosts) {
  if (of(app) == hosts) return;
  changed_.insert(app);
  if (hosts.empty()) {
    apps_.erase(app);
  } else {
    apps_[app] = hosts;
  }
}

const ServedCertificates::Hosts& ServedCertificates::of(const std::string& app) const {
  static const Hosts none;
  const auto found = apps_.find(app);
  return found == apps_.end() ? none : found->second;
}

std::set<std::string> ServedCertificates::take_changed() { return std::exchange(changed_, {}); }

std::string ServedCertificates::encode(const std::string& app) const {
  if (of(app).empty()) return "";
  Json hosts = Json::object();
  for (const auto& [host, held] : of(app)) {
    hosts.set(host, Json::object({{"source", held.source}, {"pem", held.pem.reveal()}}));
  }
  return Json::object({{"schema", 1}, {"hosts", hosts}}).pretty() + "\n";
}

}  // namespace fairlead
