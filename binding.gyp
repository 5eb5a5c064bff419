{
  "variables": {
    "werror%": 1,
    "sanitize%": 0
  },
  "targets": [
    {
      "target_name": "kqueue",
      "sources": [
        "native/addon.c",
        "native/aio.c",
        "native/aiobuffer.c",
        "native/aiocalls.c",
        "native/aiofile.c",
        "native/aiothreads.c",
        "native/aiouring.c",
        "native/anchor.c",
        "native/call.c",
        "native/clock.c",
        "native/cmdline.c",
        "native/connector.c",
        "native/copies.c",
        "native/disposition.c",
        "native/env.c",
        "native/epoll.c",
        "native/eventfd.c",
        "native/eventqueue.c",
        "native/file.c",
        "native/inotify.c",
        "native/levels.c",
        "native/link.c",
        "native/loop.c",
        "native/mounts.c",
        "native/output.c",
        "native/owned.c",
        "native/pidfd.c",
        "native/pollprobe.c",
        "native/procsource.c",
        "native/queue.c",
        "native/signal.c",
        "native/sockdiag.c",
        "native/timerfd.c"
      ],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags": ["-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags_c": ["-std=c11"],
      # A worker that ends takes the addon with it, while threads or handlers of signals may still run in it.
      "ldflags": ["-Wl,-z,nodelete"],
      "conditions": [
        ["werror==1", { "cflags": ["-Werror"] }],
        [
          "sanitize==1",
          {
            "cflags": [
              "-fsanitize=address,undefined",
              "-fno-sanitize-recover=undefined",
              "-fno-omit-frame-pointer",
              "-g",
              "-O1"
            ],
            "cflags!": ["-O3", "-fomit-frame-pointer"],
            "ldflags": ["-fsanitize=address,undefined"]
          }
        ]
      ]
    },
    {
      "target_name": "kq-gate",
      "type": "executable",
      "sources": ["native/gate.c"],
      "defines": ["_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags": ["-Wall", "-Wextra"],
      "cflags_c": ["-std=c11"],
      "conditions": [["werror==1", { "cflags": ["-Werror"] }]]
    }
  ]
}
