#pragma once

#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "providers/nginx/render.h"

// One app before the edge, from the texts of its manifest and of the platform file.
namespace fairlead::nginx::testing {

inline Platform platform_of(const std::string& text) {
  const ParsedPlatform parsed = parse_platform("fairlead.yml", text);
  if (!parsed.errors.empty()) throw std::runtime_error(parsed.errors[0].text());
  return parsed.platform;
}

inline std::vector<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> all;
  for (std::string word; words >> word;) all.push_back(word);
  return all;
}

struct Scene {
  std::shared_ptr<const App> app;
  Platform platform;
  std::map<std::string, Secret> secrets;
  std::map<std::string, Secret> certificates;
  std::map<std::string, std::string> lost;
  bool edge = true;
  std::optional<Scheme> kept;  // of earlier versions
  std::map<std::string, ServedCertificate> served;

  explicit Scene(const std::string& manifest, const std::string& platform_text = "")
      : platform(platform_of(platform_text)) {
    ParsedManifest parsed = parse_manifest("blog.yml", manifest);
    if (!parsed.errors.empty()) throw std::runtime_error(parsed.errors[0].text());
    app = std::make_shared<const App>(*parsed.apps.at(0).app);
  }

  Result<Graph> resolve() const {
    ResolveInput input;
    input.app = app.get();
    input.platform = &platform;
    input.secrets = &secrets;
    input.certificates = &certificates;
    input.lost_hosts = lost;
    input.hosted = edge;
    input.scheme = kept;
    input.served = &served;
    Graph graph;
    graph.app = app;
    if (Result<void> done = resolve_app(input, graph); !done) return done.error();
    return graph;
  }

  Graph graph() const {
    const Result<Graph> resolved = resolve();
    if (!resolved) throw std::runtime_error(resolved.error().text());
    return *resolved;
  }

  // Empty where the app has none.
  SiteSpec spec() const {
    const Graph resolved = graph();
    const SiteSpec* spec = spec_of(&resolved);
    return spec ? *spec : SiteSpec();
  }
};

// Of no key, for who only needs its name.
inline CertificatePtr certificate(const std::string& id) {
  auto made = std::make_shared<Certificate>();
  made->id = id;
  made->pem = Secret("pem of " + id);
  return made;
}

}  // namespace fairlead::nginx::testing
