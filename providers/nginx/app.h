#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "providers/nginx/render.h"
#include "providers/nginx/seen.h"
#include "providers/provider.h"

// What one app has at the edge: the site that it adds, where its requests are sent, and what became
// of its routes. Pure.
namespace fairlead::nginx {

struct AppShare : Share {
  std::string app;
  Site site;
  CertificatePtr own;                  // self-signed, of the hosts without another; null: none
  std::vector<std::string> addresses;  // that requests are sent to
  // Hosts that the manifest itself says → their certificates by file; null: none of use.
  std::map<std::string, CertificatePtr> domains;
};

// What is shared at the edge is of this kind; null stays null.
inline const AppShare* added_by(const SharePtr& share) {
  return static_cast<const AppShare*>(share.get());
}

// The site of an app as it should be now; null: it has none.
SharePtr share_of(const Keys& keys, const View& view);
std::optional<Traffic> traffic_of(const Graph& wanted, const Section* seen);

// Why nginx refuses the app's site, or a file that it needs; null: it does not.
const std::string* refusal_of(const SeenEdge& edge, const AppShare& share);

// Of any app but the edge: no steps, but how its routes stand.
void diff_app(const Keys& keys, const View& view, Report& report);

// Names a text by its content.
std::string id_of(const Keys& keys, const std::string& text);

}  // namespace fairlead::nginx
