#include "providers/docker/stop_grace.h"

#include <algorithm>

#include "reconciler/image_manifest.h"

namespace fairlead::docker {
namespace {

bool is_of_image(const App& app, const std::string& path) {
  const std::string where = app.where(path);
  const auto stands_in = [&](const std::string& place) {
    return where.starts_with(ImageText{app.image, place, ""}.file() + ":");
  };
  return stands_in(std::string("label ") + image_manifest_label) ||
         std::any_of(image_manifest_paths.begin(), image_manifest_paths.end(),
                     [&](std::string_view place) { return stands_in(std::string(place)); });
}

}  // namespace

Duration stop_grace(const App& app, const std::string& path,
                    const std::optional<Milliseconds>& said) {
  if (!said) return default_stop_grace;
  return is_of_image(app, path) ? std::min<Duration>(*said, image_stop_grace_max) : *said;
}

std::int64_t whole_seconds(Duration time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

}  // namespace fairlead::docker
