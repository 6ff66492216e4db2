#include "reconciler/live/read_only_world.h"

#include <utility>

#include "reconciler/check.h"

namespace fairlead::live {

void ReadOnlyWorld::submit(Request request) {
  if (const auto* http = std::get_if<HttpCall>(&request.what)) FAIRLEAD_CHECK(!http->writes());
  if (const auto* sql = std::get_if<SqlCall>(&request.what)) FAIRLEAD_CHECK(!sql->writes());
  if (const auto* file = std::get_if<FileCall>(&request.what)) FAIRLEAD_CHECK(!file->writes());
  if (const auto* program = std::get_if<ProcessCall>(&request.what))
    FAIRLEAD_CHECK(!program->writes());
  if (const auto* stream = std::get_if<Subscribe>(&request.what))
    FAIRLEAD_CHECK(!stream->call.writes());
  world_.submit(std::move(request));
}

}  // namespace fairlead::live
