variable "device" {
  description = "Name or serial number of the device."
  type        = string
}

variable "ticket" {
  description = "What the recovery is for. Another ticket is another recovery."
  type        = string
}

resource "terraform_data" "recovery" {
  triggers_replace = [var.device, var.ticket]

  provisioner "local-exec" {
    # What it prints goes into a file that its owner alone can read: not into a log, and not into the state.
    command     = "umask 077 && env/bin/python recover.py \"$DEVICE\" > passcode"
    environment = { DEVICE = var.device }
  }
}
