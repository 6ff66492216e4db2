#include "reconciler/schemes.h"

#include "reconciler/json.h"

namespace fairlead {

void Schemes::restore(std::string_view text) {
  const Result<Json> saved = Json::parse(text);
  if (!saved || !saved->has("schemes")) return;
  begun_ = true;
  for (const auto& [app, scheme] : (*saved)["schemes"].members()) {
    kept_[app] = scheme.as_string() == "https" ? Scheme::https : Scheme::http;
  }
  for (const Json& app : (*saved)["open"].items()) open_.insert(app.as_string());
  told_ = encode();
}

void Schemes::keep(const std::map<std::string, Catalog::Entry>& apps) {
  if (!begun_) {
    for (const auto& [app, entry] : apps) open_.insert(app);
  }
  begun_ = true;
  const auto gone = [&](const std::string& app) { return apps.count(app) == 0; };
  std::erase_if(open_, gone);
  std::erase_if(kept_, [&](const auto& entry) { return gone(entry.first); });
}

bool Schemes::settle(const std::string& app, std::optional<Scheme> by_file) {
  if (open_.erase(app) == 0 || !by_file) return false;
  kept_[app] = *by_file;
  return true;
}

std::optional<Scheme> Schemes::of(const std::string& app) const {
  const auto found = kept_.find(app);
  return found == kept_.end() ? std::nullopt : std::optional(found->second);
}

bool Schemes::changed() {
  std::string now = encode();
  if (now == told_) return false;
  told_ = std::move(now);
  return true;
}

std::string Schemes::encode() const {
  Json schemes = Json::object();
  for (const auto& [app, scheme] : kept_) {
    schemes.set(app, scheme == Scheme::https ? "https" : "http");
  }
  Json open = Json::array();
  for (const std::string& app : open_) open.push(app);
  return Json::object({{"schema", 1}, {"schemes", schemes}, {"open", open}}).pretty() + "\n";
}

}  // namespace fairlead
