{
  "variables": {
    "werror%": 1,
    "sanitize%": 0
  },
  "targets": [
    {
      "target_name": "kqueue",
      "include_dirs": ["native"],
      "sources": [
        "native/addon.c",
        "native/calls/clock.c",
        "native/calls/epoll.c",
        "native/calls/file.c",
        "native/calls/handover.c",
        "native/calls/inotify.c",
        "native/calls/levels.c",
        "native/calls/link.c",
        "native/calls/mounts.c",
        "native/calls/output.c",
        "native/calls/pidfd.c",
        "native/calls/pollprobe.c",
        "native/calls/queue.c",
        "native/calls/sockdiag.c",
        "native/calls/tree.c",
        "native/engines/aio/aio.c",
        "native/engines/aio/buffer.c",
        "native/engines/aio/calls.c",
        "native/engines/aio/files.c",
        "native/engines/aio/threads.c",
        "native/engines/aio/uring.c",
        "native/engines/connector/cmdline.c",
        "native/engines/connector/connector.c",
        "native/engines/connector/fifo.c",
        "native/engines/connector/procsource.c",
        "native/engines/idle/idle.c",
        "native/engines/loop/calls.c",
        "native/engines/loop/ear.c",
        "native/engines/loop/poll.c",
        "native/engines/loop/watch.c",
        "native/engines/signal/anchor.c",
        "native/engines/signal/copies.c",
        "native/engines/signal/disposition.c",
        "native/engines/signal/signal.c",
        "native/glue/call.c",
        "native/glue/env.c",
        "native/glue/libuv.c",
        "native/glue/owned.c"
      ],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags": ["-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags_c": ["-std=c11"],
      # A worker that ends takes the addon with it, while threads or handlers of signals may still run in it.
      "ldflags": ["-Wl,-z,nodelete"],
      "conditions": [
        ["werror==1", { "cflags": ["-Werror"] }],
        [
          # A kernel with a kqueue of its own.
          "OS!='linux'",
          {
            "sources": ["native/bsd/kqueue.c", "native/bsd/tables.c", "native/bsd/watch.c"],
            "sources/": [["exclude", "\\.c$"], ["include", "native/bsd/"]],
            "defines": ["_NETBSD_SOURCE"],
            "ldflags!": ["-Wl,-z,nodelete"],
            "xcode_settings": {
              "OTHER_CFLAGS": ["-std=c11", "-Wall", "-Wextra"],
              "MACOSX_DEPLOYMENT_TARGET": "11.0"
            }
          }
        ],
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
      "conditions": [
        ["werror==1", { "cflags": ["-Werror"] }],
        ["OS!='linux'", { "type": "none", "sources/": [["exclude", "gate"]] }]
      ]
    }
  ]
}
